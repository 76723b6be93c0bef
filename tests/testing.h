/* What cmocka needs before its header, and where things are. */
#ifndef FSCNN_TESTS_TESTING_H
#define FSCNN_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The project's source folder (set by meson; the current folder otherwise). */
static inline const char *source_root(void) {
    const char *root = getenv("FASTSCNN_SOURCE");
    return root ? root : ".";
}

/* "SOURCE/relative" in a static buffer of 4 turns. */
static inline const char *source_path(const char *relative) {
    static char paths[4][4096];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", source_root(), relative);
    return path;
}

/* A file of the reference material (FASTSCNN_REFERENCE, set by meson) or NULL where it is not there; tests that need it
 * call skip(). */
static inline const char *reference_path(const char *relative) {
    static char paths[4][4096];
    static int turn;
    char *path = paths[turn++ % 4];
    const char *reference = getenv("FASTSCNN_REFERENCE");
    snprintf(path, sizeof(paths[0]), "%s/%s", reference ? reference : "", relative);
    FILE *file = reference ? fopen(path, "rb") : NULL;
    if (!file) {
        return NULL;
    }
    fclose(file);
    return path;
}

#endif
