/* client/web/qr.h - a QR code as the path of an SVG picture, by libqrencode (ISO/IEC 18004, level M).
 * One unit a module; the reader must leave four units of quiet around it.  Pure but for malloc. */
#ifndef SMX_WEB_QR_H
#define SMX_WEB_QR_H

#include "proto/base/err.h"

#include <stddef.h>

enum { SMX_QR_TEXT_MAX = 255 }; /* bytes of text */

/* *path is malloc'ed, the caller's: "M0 0h7v1h-7z..." of all dark runs; *size: modules along each side.
 * SMX_E_FULL: the text is empty or too long; SMX_E_MEMORY. */
enum smx_err smx_qr(const char *text, char **path, unsigned *size) SMX_MUST_CHECK;

#endif
