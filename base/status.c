#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 4096 };

static _Thread_local char message[MESSAGE_SIZE];

enum status status_fail(enum status st, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return st;
}

enum status status_wrap(enum status st, const char *format, ...)
{
    if (!st)
        return OK;

    char old[MESSAGE_SIZE];
    memcpy(old, message, sizeof old);

    va_list args;
    va_start(args, format);
    int used = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof message)
        snprintf(message + used, sizeof message - (size_t)used, ": %s", old);
    return st;
}

const char *status_message(void)
{
    return message;
}

const char *status_name(enum status st)
{
    switch (st) {
    case OK: return "ok";
    case ERR_USAGE: return "usage";
    case ERR_IO: return "io";
    case ERR_FORMAT: return "format";
    case ERR_LIMIT: return "limit";
    case ERR_UNSUPPORTED: return "unsupported";
    case ERR_NOTFOUND: return "not found";
    case ERR_NOMEM: return "out of memory";
    case ERR_NUMERIC: return "numeric";
    case ERR_BUSY: return "busy";
    case ERR_INTERRUPTED: return "interrupted";
    case ERR_STORE: return "store";
    }
    return "unknown";
}
