#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Macros where the analyzer reads. */
#undef error_set
#undef error_prefix
#undef error_memory

char *text_make_printable(char *text) {
    for (char *at = text; at && *at; at++) {
        const unsigned char byte = (unsigned char)*at, next = (unsigned char)at[1];
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0)) {
            *at = '?'; /* of two bytes the first: what is left of the character is none */
        }
    }
    return text;
}

enum fscnn_status error_set(struct fscnn_error *err, enum fscnn_status status, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        text_make_printable(err->text);
    }
    return status;
}

enum fscnn_status error_prefix(struct fscnn_error *err, enum fscnn_status status, const char *format, ...) {
    if (err) {
        char text[sizeof(err->text)];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, ": %.*s", (int)(sizeof(text) - used), err->text);
        memcpy(err->text, text, sizeof(text));
        text_make_printable(err->text);
    }
    return status;
}

enum fscnn_status error_memory(struct fscnn_error *err, size_t bytes, const char *what) {
    return error_set(err, FSCNN_ERROR_MEMORY, "out of memory (%zu bytes for %s)", bytes, what);
}

void log_line(struct fscnn_log log, const char *format, ...) {
    if (!log.line) {
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log.line(log.user, text_make_printable(text));
}

const char *fscnn_version(void) { return FSCNN_VERSION; }
