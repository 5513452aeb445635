#include "directory/work.h"

#include "proto/doc/pseudonym.h"

uint8_t smx_work_next(uint8_t least, uint8_t now, size_t uploads, size_t busy)
{
    unsigned most = least + SMX_WORK_RISE_MAX, next = now;

    if (most > SMX_WORK_MAX)
        most = SMX_WORK_MAX;
    for (size_t left = uploads; left > busy && next < most; left = (left + 1) / 2)
        next++; /* each bit lets half of them through */
    if (2 * uploads < busy && next > least)
        next--;
    if (next < least) /* the parameter has changed */
        next = least;
    return (uint8_t)(next < most ? next : most);
}
