/* Files and folders for the commands: listing in natural order, names. */
#ifndef FSCNN_CLI_FILES_H
#define FSCNN_CLI_FILES_H

#include <stdbool.h>
#include <stdio.h>

#include "fastscnn/fastscnn.h"

/* Formats err->text and returns `status`. */
enum fscnn_status fail(struct fscnn_error *err, enum fscnn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__
/* It sees one file at a time, and would follow paths on which this returns FSCNN_OK. */
#define fail(err, status, ...) ((void)fail((err), (status), __VA_ARGS__), (status))
#endif

/* "img2" before "img10": runs of digits compare as numbers; equal ones by bytes. */
int natural_compare(const char *a, const char *b);

bool is_folder(const char *path);
/* What follows the last '/'. */
const char *base_name(const char *path);
/* True where `path` ends in one of `endings` (".png"), without regard to case; NULL ends the list. */
bool ends_in(const char *path, const char *const *endings);
/* "folder/name" in fresh memory, NULL when out of memory. */
char *join_path(const char *folder, const char *name);

/* A growing list of strings that it owns. */
struct name_list {
    char **names;
    size_t count, capacity;
};
/* Takes over `name`, which may be NULL (out of memory before). Error MEMORY; `name` is freed then. */
FSCNN_NODISCARD enum fscnn_status name_list_add(struct name_list *list, char *name, struct fscnn_error *err);
void name_list_free(struct name_list *list);

/* Appends the paths of a folder's regular files with one of `endings`, in natural order; hidden ones ("._x" too) and
 * subfolders are left out. Errors: IO, MEMORY. */
FSCNN_NODISCARD enum fscnn_status list_folder(const char *folder, const char *const *endings, struct name_list *list,
                                              struct fscnn_error *err);
/* The same of a folder and all below it, folder by folder, but for the folder `except` (which need not be there); links
 * to folders are not followed. */
FSCNN_NODISCARD enum fscnn_status list_tree(const char *folder, const char *except, const char *const *endings,
                                            struct name_list *list, struct fscnn_error *err);

/* Makes a folder and those above it; fine when it is there. Error IO. */
FSCNN_NODISCARD enum fscnn_status create_folder(const char *path, struct fscnn_error *err);

/* Replaces control characters by '?': names of strangers' files are printed. Returns `text`. */
char *make_printable(char *text);

#endif
