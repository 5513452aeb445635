/* proto/base/version.h - the release, as every program's --version says it. */
#ifndef SMX_BASE_VERSION_H
#define SMX_BASE_VERSION_H

#define SMX_VERSION "0.1.0"

#endif
