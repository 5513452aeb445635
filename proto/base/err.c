#include "proto/base/err.h"

const char *smx_err_text(enum smx_err err)
{
    switch (err) {
    case SMX_OK:
        return "ok";
    case SMX_E_MALFORMED:
        return "malformed";
    case SMX_E_AUTH:
        return "not authentic";
    case SMX_E_REPLAY:
        return "repeated";
    case SMX_E_LATE:
        return "outside its time";
    case SMX_E_FULL:
        return "no room";
    case SMX_E_STATE:
        return "not possible now";
    case SMX_E_ABSENT:
        return "not found";
    case SMX_E_REFUSED:
        return "refused";
    case SMX_E_MEMORY:
        return "out of memory";
    case SMX_E_IO:
        return "system error";
    }
    return "unknown error";
}
