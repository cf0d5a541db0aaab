/* What every test includes first: cmocka and the way to the shared data. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"

/* Path of a file of the source tree; a static buffer per thread and call depth of 4. */
static inline const char *source_path(const char *relative)
{
    static _Thread_local char paths[4][1024];
    static _Thread_local int turn;
    const char *root = getenv("GAUNTLET_SOURCE");
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", root ? root : ".", relative);
    return path;
}

/* Path of a file of the shared data, or NULL where it is absent. */
static inline const char *shared_path(const char *relative)
{
    static _Thread_local char paths[4][1024];
    static _Thread_local int turn;
    const char *root = getenv("GAUNTLET_SHARED");
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", root ? root : "../shared", relative);
    return access(path, R_OK) ? NULL : path;
}

/* cmocka reports a skipped test as "not ok # SKIP", which meson counts as failed. A test
 * that cannot run says why in a line "# skipped: ..." and ends; scripts/check shows them. */
#undef skip
#define skip() return

/* Path of shared data, or skip the test with one clear line. */
#define REQUIRE_SHARED(variable, relative)                                               \
    const char *variable = shared_path(relative);                                        \
    if (!variable) {                                                                     \
        print_message("# skipped: ../shared/%s is absent\n", relative);                  \
        skip();                                                                          \
    }

#define assert_ok(expression)                                                            \
    do {                                                                                 \
        enum status assert_ok_status = (expression);                                     \
        if (assert_ok_status)                                                            \
            fail_msg("%s: %s (%s)", #expression, status_message(),                       \
                     status_name(assert_ok_status));                                     \
    } while (0)
