#include "json_output.h"

#include <stdlib.h>
#include <string.h>

#include "options.h"

enum { FLAGS = JSON_INDENT(2) | JSON_REAL_PRECISION(9) };

/* Bytes of the UTF-8 character at `text`, 0 where there is none. */
static int character_length(const char *text) {
    size_t left = strnlen(text, 4);
    for (int n = 1; n <= (int)left; n++) {
        json_t *character = json_stringn(text, (size_t)n); /* NULL for what is not UTF-8 */
        if (character) {
            json_decref(character);
            return n;
        }
    }
    return 0;
}

json_t *json_text(const char *text) {
    json_t *value = json_string(text);
    char *escaped = value ? NULL : malloc(4 * strlen(text) + 1), *to = escaped;
    if (!escaped) {
        return value;
    }
    while (*text) {
        int n = character_length(text);
        if (n == 0) {
            to += sprintf(to, "\\x%02X", (unsigned char)*text++);
            continue;
        }
        if (*text == '\\') {
            *to++ = '\\';
        }
        memcpy(to, text, (size_t)n);
        to += n;
        text += n;
    }
    *to = '\0';
    value = json_string(escaped);
    free(escaped);
    return value;
}

int json_print(json_t *json) {
    const bool written = json && json_dumpf(json, stdout, FLAGS) == 0;
    putchar('\n');
    json_decref(json);
    if (!written && !ferror(stdout)) {
        fprintf(stderr, "fastscnn: out of memory for the JSON report\n");
    }
    return written ? EXIT_OK : EXIT_BAD_INPUT;
}

enum fscnn_status json_write(const char *path, json_t *json, struct fscnn_error *err) {
    if (!json) {
        return fail(err, FSCNN_ERROR_MEMORY, "%s: out of memory", path);
    }
    struct fscnn_output file;
    enum fscnn_status status = fscnn_output_open(path, &file, err);
    if (status == FSCNN_OK) {
        if (json_dumpf(json, file.stream, FLAGS) < 0 && !ferror(file.stream)) {
            status = fail(err, FSCNN_ERROR_MEMORY, "%s: out of memory", path);
            fscnn_output_discard(&file);
        } else {
            fputc('\n', file.stream);
            status = fscnn_output_commit(&file, err);
        }
    }
    json_decref(json);
    return status;
}

static void append_line(void *user, const char *text) { json_array_append_new(user, json_text(text)); }

struct fscnn_log json_log(json_t *array) {
    return (struct fscnn_log){.line = append_line, .user = array};
}
