/* JSON for --json and for report files. */
#ifndef FSCNN_CLI_JSON_OUTPUT_H
#define FSCNN_CLI_JSON_OUTPUT_H

#include <jansson.h>

#include "files.h"

/* A JSON string. File names may hold anything: in one that is not UTF-8, each byte that is none becomes "\xE4", and
 * each backslash two, so that the name can be had back. NULL when out of memory. */
json_t *json_text(const char *text);

/* Prints on stdout and releases it; returns an exit code, after a message where memory ran out (NULL: before). That
 * standard output is lost is told by main, once for all that was printed. */
int json_print(json_t *json);

/* Writes a file and releases the value. Errors: IO, MEMORY (json NULL). */
FSCNN_NODISCARD enum fscnn_status json_write(const char *path, json_t *json, struct fscnn_error *err);

/* A log that gathers its lines in a JSON array (its user pointer). */
struct fscnn_log json_log(json_t *array);

#endif
