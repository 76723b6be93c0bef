/* Files: read-only mappings, outputs of one piece, folders. */
#ifndef FSCNN_BASE_FILE_H
#define FSCNN_BASE_FILE_H

#include <stdio.h>

#include "base/status.h"

/* A whole file mapped read-only. data is NULL for an empty file. */
struct file_map {
    const uint8_t *data;
    size_t size;
};
/* Errors: IO ("PATH: No such file or directory"; folders and pipes are refused). */
FSCNN_NODISCARD enum fscnn_status file_map_open(const char *path, struct file_map *out, struct fscnn_error *err);
void file_map_close(struct file_map *map);
/* Gives the memory of pages that were read back; they are read again when they are needed. */
void file_map_rest(const struct file_map *map);

/* fscnn_output_open, one write, fscnn_output_commit. */
FSCNN_NODISCARD enum fscnn_status file_write(const char *path, const void *data, size_t size, struct fscnn_error *err);

/* Makes a folder and those above it; fine when it is there. */
FSCNN_NODISCARD enum fscnn_status folder_make(const char *path, struct fscnn_error *err);

/* "folder/name" in fresh memory, NULL when out of memory. */
char *path_join(const char *folder, const char *name);
/* What follows the last '/'. */
const char *path_base(const char *path);

#endif
