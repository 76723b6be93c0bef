#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum fscnn_status io_error(struct fscnn_error *err, const char *path) {
    return error_set(err, FSCNN_ERROR_IO, "%s: %s", path, strerror(errno));
}

enum fscnn_status file_map_open(const char *path, struct file_map *out, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    *out = (struct file_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0) {
        return io_error(err, path);
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        status = io_error(err, path);
    } else if (!S_ISREG(st.st_mode)) {
        status = error_set(err, FSCNN_ERROR_IO, "%s: not a regular file", path);
    } else if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            status = io_error(err, path);
        } else {
            *out = (struct file_map){.data = data, .size = (size_t)st.st_size};
        }
    }
    close(fd);
    return status;
}

void file_map_close(struct file_map *map) {
    if (map->data) {
        munmap((void *)map->data, map->size);
    }
    *map = (struct file_map){0};
}

void file_map_rest(const struct file_map *map) {
    if (map->data) {
        madvise((void *)map->data, map->size, MADV_DONTNEED);
    }
}

enum fscnn_status file_write(const char *path, const void *data, size_t size, struct fscnn_error *err) {
    struct fscnn_output out;
    enum fscnn_status status = fscnn_output_open(path, &out, err);
    if (status == FSCNN_OK) {
        fwrite(data, 1, size, out.stream); /* commit reports a short write */
        status = fscnn_output_commit(&out, err);
    }
    return status;
}

enum fscnn_status folder_make(const char *path, struct fscnn_error *err) {
    if (path[0] == '\0') { /* an unset variable of a script: not the root of the file system */
        return error_set(err, FSCNN_ERROR_USAGE, "a folder's name is empty");
    }
    char *copy = strdup(path);
    if (!copy) {
        return error_memory(err, strlen(path), "a file name");
    }
    enum fscnn_status status = FSCNN_OK;
    for (char *at = copy + 1; status == FSCNN_OK; at++) {
        if (*at != '/' && *at != '\0') {
            continue;
        }
        char end = *at;
        *at = '\0';
        struct stat st;
        const int cause = mkdir(copy, 0777) < 0 ? errno : 0;
        /* What is there is fine, whatever mkdir says: below an automounter or a read-only mount not only EEXIST. */
        if (cause && (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode))) {
            status = cause == EEXIST ? error_set(err, FSCNN_ERROR_IO, "%s: there, but not a folder", copy)
                                     : error_set(err, FSCNN_ERROR_IO, "%s: %s", copy, strerror(cause));
        }
        if (end == '\0') {
            break;
        }
        *at = end;
    }
    free(copy);
    return status;
}

char *path_join(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path) {
        size_t length = strlen(folder);
        snprintf(path, size, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name);
    }
    return path;
}

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
