#include "sim/check.h"

#include <stdarg.h>
#include <stdio.h>

void smx_complain(struct smx_verdict *v, smx_time now, const char *by, const char *format, ...)
{
    struct smx_complaint *c;
    va_list args;

    if (v->count++ >= SMX_VERDICT_KEPT)
        return;
    c = &v->kept[v->count - 1];
    c->at = now;
    c->by = by;
    va_start(args, format);
    vsnprintf(c->text, sizeof c->text, format, args);
    va_end(args);
}
