/*
 * How a failure travels: an enum up the stack, one message beside it.
 *
 * Whoever detects the fault calls status_fail() once, with the numbers at hand; callers
 * pass the status on, and may put their own context in front with status_wrap(). The
 * message belongs to the calling thread and lives until its next status_fail().
 */
#pragma once

enum status {
    OK = 0,
    ERR_USAGE,       /* a command line, suite or sidecar says something it cannot say */
    ERR_IO,          /* the operating system refused */
    ERR_FORMAT,      /* bytes from outside are not what they claim to be */
    ERR_LIMIT,       /* well-formed, but larger than we are willing to handle */
    ERR_UNSUPPORTED, /* well-formed, and not implemented here */
    ERR_NOTFOUND,
    ERR_NOMEM,
    ERR_NUMERIC,     /* NaN or infinity where a number must be */
    ERR_BUSY,        /* somebody else holds it */
    ERR_INTERRUPTED, /* Ctrl-C, SIGTERM, or a time limit */
    ERR_STORE,       /* the result store is unusable: newer, corrupt, read-only, full */
};

/* Sets this thread's message and returns `st`, so that it can be the return statement. */
enum status status_fail(enum status st, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of this thread's message; returns `st`; no-op when OK. */
enum status status_wrap(enum status st, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* This thread's message; "" before the first failure. Never NULL. */
const char *status_message(void);

/* "usage", "io", "format", ...: one word for logs and the database. */
const char *status_name(enum status st);
