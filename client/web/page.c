#include "client/web/page.h"

/* The assembler takes the bytes of a file as they are; the Makefile says that this object depends on them. */
#define EMBED(name, file)                                                                                    \
    __asm__(".section .rodata\n"                                                                             \
            ".hidden smx_web_" #name "\n.global smx_web_" #name "\nsmx_web_" #name ":\n"                     \
            ".incbin \"client/web/" file "\"\n"                                                              \
            ".hidden smx_web_" #name "_end\n.global smx_web_" #name "_end\nsmx_web_" #name                   \
            "_end:\n.byte 0\n"                                                                               \
            ".previous\n");                                                                                  \
    extern const char smx_web_##name[], smx_web_##name##_end[]

EMBED(html, "page.html");
EMBED(css, "page.css");
EMBED(js, "page.js");
EMBED(icon, "icon.svg");

const struct smx_web_file smx_web_files[] = {
    {"/", "text/html; charset=utf-8", smx_web_html, smx_web_html_end},
    {"/page.css", "text/css; charset=utf-8", smx_web_css, smx_web_css_end},
    {"/page.js", "text/javascript; charset=utf-8", smx_web_js, smx_web_js_end},
    {"/icon.svg", "image/svg+xml", smx_web_icon, smx_web_icon_end},
    {0},
};
