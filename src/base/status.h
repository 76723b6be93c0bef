/* Status codes with a caller-owned line of error text. */
#ifndef FSCNN_BASE_STATUS_H
#define FSCNN_BASE_STATUS_H

#include "fastscnn/fastscnn.h"

/* Replaces control characters, C1 in UTF-8 included, by '?': names from hostile files are printed. Returns `text`,
 * which may be NULL. */
char *text_make_printable(char *text);

/* Fills err->text (err may be NULL; control characters are replaced, text is cut to fit) and returns `status`, so that
 * callers write `return error_set(err, FSCNN_ERROR_FORMAT, "%s: ...", path)`. */
enum fscnn_status error_set(struct fscnn_error *err, enum fscnn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that a callee left, e.g. a file name that the callee did not know. Returns `status`.
 */
enum fscnn_status error_prefix(struct fscnn_error *err, enum fscnn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* error_set for failed allocations: "out of memory (N bytes for WHAT)". */
enum fscnn_status error_memory(struct fscnn_error *err, size_t bytes, const char *what);

#ifdef __clang_analyzer__
/* It sees one file at a time, and would follow paths on which these return FSCNN_OK. */
#define error_set(err, status, ...) ((void)error_set((err), (status), __VA_ARGS__), (status))
#define error_prefix(err, status, ...) ((void)error_prefix((err), (status), __VA_ARGS__), (status))
#define error_memory(err, bytes, what) ((void)error_memory((err), (bytes), (what)), FSCNN_ERROR_MEMORY)
#endif

/* Sends one formatted line to a log whose `line` may be NULL. */
void log_line(struct fscnn_log log, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
