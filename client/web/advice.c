#include "client/web/advice.h"

const char *smx_web_advice(enum smx_client_problem problem)
{
    switch (problem) {
    case SMX_CLIENT_FINE:
        return "Nothing to do.";
    case SMX_CLIENT_STARTING:
        return "Nothing to do: this takes some seconds.";
    case SMX_CLIENT_NO_CONSENSUS:
        return "Is this computer on line, and may UDP go out?  Is the network file current?  Ask the "
               "operator of "
               "the network for a new one if this goes on.";
    case SMX_CLIENT_CLOCK:
    case SMX_CLIENT_ANSWER_AHEAD:
        return "Set this computer's clock.";
    case SMX_CLIENT_EXPIRED:
        return "Look at this computer's clock; if it is right, the directory is down, and its operator "
               "should "
               "know.";
    case SMX_CLIENT_NO_GUARD:
        return "Wait: after ten seconds another guard is tried.  If that stays silent too, UDP does not get "
               "out "
               "of this network.";
    case SMX_CLIENT_NO_PATH:
        return "Nothing to do here: the network needs more relays, and goes on by itself when it has them.";
    case SMX_CLIENT_BUILDING:
        return "Nothing to do: circuits are built one after the other, at times of their own.";
    case SMX_CLIENT_NAME_TAKEN:
        return "Choose another name in the configuration (identity.name), or none.  Meanwhile you are "
               "reached by "
               "your key address.";
    case SMX_CLIENT_ANSWER_FALSE:
    case SMX_CLIENT_ANSWER_OLD:
        return "Nothing to do.  If it goes on for hours, the directory may be down.";
    case SMX_CLIENT_TWO_FACED:
        return "Ask the operator of the network, by another way.  Until then give out and call key "
               "addresses: "
               "they trust nobody's naming.";
    case SMX_CLIENT_UPLOAD_LOST:
        return "Nothing to do.";
    case SMX_CLIENT_NAME_STUCK:
        return "Let the new holder run sipmix-keys consent again, for this name and your key, and put his "
               "line "
               "into the configuration.";
    case SMX_CLIENT_CONTACT_KEY:
        return "Ask the contact by another way whether his key is new, and compare words.  If it is, stop "
               "the "
               "client, delete his line in the file contacts, and start it again.";
    }
    return "Nothing to do.";
}
