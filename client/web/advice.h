/* client/web/advice.h - what to do about a problem, in plain words, beside the sentence that names it
 * (smx_client_problem_text). */
#ifndef SMX_WEB_ADVICE_H
#define SMX_WEB_ADVICE_H

#include "client/client.h"

/* Never NULL. */
const char *smx_web_advice(enum smx_client_problem problem);

#endif
