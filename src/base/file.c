#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
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

/* Who is told of temporary files. */
static void (*temporary_made)(const char *name), (*temporary_gone)(const char *name);

void fscnn_watch_temporaries(void (*made)(const char *name), void (*gone)(const char *name)) {
    temporary_made = made;
    temporary_gone = gone;
}

/* Of a name that no longer is a file's. */
static void forget_temporary(struct output_file *out) {
    if (temporary_gone) {
        temporary_gone(out->temporary);
    }
    free(out->temporary);
    out->temporary = NULL;
}

/* A new file beside `path`, so that rename is atomic, of a name that no other writer has. Not mkstemp's, which gives
 * 0600: changing that by the umask would need to set it, for all threads. */
static int open_new(const char *path, char *name, size_t size) {
    static atomic_uint count;
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 100; tries++) {
        snprintf(name, size, "%s.tmp%ld.%u", path, (long)getpid(), atomic_fetch_add(&count, 1));
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    return fd;
}

enum fscnn_status output_open(const char *path, struct output_file *out, struct fscnn_error *err) {
    *out = (struct output_file){.path = strdup(path)};
    size_t size = strlen(path) + 48;
    out->temporary = malloc(size);
    int fd = out->path && out->temporary ? open_new(path, out->temporary, size) : -1;
    if (fd < 0) {
        enum fscnn_status status =
            out->path && out->temporary ? io_error(err, path) : error_memory(err, size, "a file name");
        free(out->temporary);
        out->temporary = NULL; /* nothing to unlink */
        output_discard(out);
        return status;
    }
    if (temporary_made) {
        temporary_made(out->temporary);
    }
    out->stream = fdopen(fd, "wb");
    if (!out->stream) {
        enum fscnn_status status = io_error(err, path);
        close(fd);
        output_discard(out);
        return status;
    }
    return FSCNN_OK;
}

enum fscnn_status output_commit(struct output_file *out, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    bool bad = ferror(out->stream) != 0;
    bad |= fclose(out->stream) != 0;
    out->stream = NULL;
    if (bad || rename(out->temporary, out->path) < 0) {
        status = io_error(err, out->path);
    } else {
        forget_temporary(out);
    }
    output_discard(out);
    return status;
}

void output_discard(struct output_file *out) {
    if (out->stream) {
        fclose(out->stream);
    }
    if (out->temporary) {
        unlink(out->temporary);
        forget_temporary(out);
    }
    free(out->path);
    *out = (struct output_file){0};
}

enum fscnn_status file_write(const char *path, const void *data, size_t size, struct fscnn_error *err) {
    struct output_file out;
    enum fscnn_status status = output_open(path, &out, err);
    if (status == FSCNN_OK) {
        fwrite(data, 1, size, out.stream); /* commit reports a short write by ferror */
        status = output_commit(&out, err);
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
