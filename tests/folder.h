/* A temporary folder for tests: make_folder and remove_folder are cmocka's setup and teardown, of a test or a group. */
#ifndef FSCNN_TESTS_FOLDER_H
#define FSCNN_TESTS_FOLDER_H

#include "testing.h"

#include <unistd.h>

static char folder[64];

/* "FOLDER/name" in a static buffer of 8 turns. */
static inline char *in_folder(const char *name) {
    static char paths[8][512];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static inline int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/fastscnn-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

#endif
