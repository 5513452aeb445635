/* proto/base/version.h - the release, as every program's --version says it. */
#ifndef SMX_BASE_VERSION_H
#define SMX_BASE_VERSION_H

#define SMX_VERSION "0.1.0"

/* A build whose randomness a test can fix says so (proto/host/random.h). */
#ifdef SMX_TEST_SEED
#define SMX_VERSION_TEXT SMX_VERSION " (test build: randomness can be fixed)"
#else
#define SMX_VERSION_TEXT SMX_VERSION
#endif

#endif
