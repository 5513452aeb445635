/* client/web/page.h - the files of the local page, as they stand in this folder, in the program. */
#ifndef SMX_WEB_PAGE_H
#define SMX_WEB_PAGE_H

#include <stddef.h>

struct smx_web_file {
    const char *path; /* of the URL: "/page.css" */
    const char *type;
    const char *begin, *end;
};

/* Ends with a path of NULL. */
extern const struct smx_web_file smx_web_files[];

#endif
