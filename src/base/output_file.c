/* Outputs that appear under their names only when they are complete. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

/* Who is told of temporary files. */
static void (*temporary_made)(const char *name), (*temporary_gone)(const char *name);

void fscnn_watch_temporaries(void (*made)(const char *name), void (*gone)(const char *name)) {
    temporary_made = made;
    temporary_gone = gone;
}

/* The end of a temporary file, which is no longer there, or is not to stay. */
static void forget_temporary(struct fscnn_output *out) {
    if (temporary_gone) {
        temporary_gone(out->temporary);
    }
    free(out->temporary);
    out->temporary = NULL;
}

/* A new file beside the final one, so that rename is atomic, of a name that no other writer has. Told before it is
 * there: a signal in between would leave it behind. Not mkstemp's, which gives 0600: changing that by the umask would
 * need to set it, for all threads. Returns the descriptor, or -1 with errno. */
static int open_temporary(struct fscnn_output *out, mode_t mode) {
    static atomic_uint count;
    const size_t size = strlen(out->path) + 48;
    out->temporary = malloc(size);
    for (int tries = 0; out->temporary && tries < 100; tries++) {
        snprintf(out->temporary, size, "%s.tmp%ld.%u", out->path, (long)getpid(), atomic_fetch_add(&count, 1));
        if (temporary_made) {
            temporary_made(out->temporary);
        }
        const int fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0) {
            return fd;
        }
        const int cause = errno;
        if (temporary_gone) {
            temporary_gone(out->temporary);
        }
        errno = cause;
        if (cause != EEXIST) {
            break;
        }
    }
    free(out->temporary);
    out->temporary = NULL; /* nothing to unlink */
    return -1;
}

/* Opens what the output is written to. What is there already keeps being what it was: a link stays a link, a file its
 * permissions; and devices, pipes and the like cannot be replaced, they are written to. */
static int open_target(struct fscnn_output *out) {
    struct stat there, link;
    const bool exists = stat(out->path, &there) == 0;
    if (exists && S_ISDIR(there.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (exists && !S_ISREG(there.st_mode)) {
        return open(out->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    }
    if (exists && lstat(out->path, &link) == 0 && S_ISLNK(link.st_mode)) {
        char *target = realpath(out->path, NULL);
        if (!target) {
            return -1;
        }
        free(out->path);
        out->path = target;
    }
    const int fd = open_temporary(out, exists ? there.st_mode & 0777 : 0666);
    if (fd >= 0 && exists) {
        (void)!fchmod(fd, there.st_mode & 0777); /* what the umask took away; some file systems have no permissions */
    }
    return fd;
}

static void note_cause(struct fscnn_output *out, int cause) { out->cause = out->cause ? out->cause : cause; }

/* What the stream calls. A stream itself keeps but a flag of a failed write, and errno is anybody's until the commit.
 */
static ssize_t stream_write(void *cookie, const char *data, size_t size) {
    struct fscnn_output *out = cookie;
    size_t done = 0;
    while (done < size) {
        const ssize_t wrote = write(out->fd, data + done, size - done);
        if (wrote <= 0) {
            note_cause(out, wrote < 0 ? errno : EIO);
            break;
        }
        done += (size_t)wrote;
    }
    return (ssize_t)done;
}

static int stream_close(void *cookie) {
    struct fscnn_output *out = cookie;
    const int failed = close(out->fd);
    if (failed) {
        note_cause(out, errno);
    }
    return failed;
}

enum fscnn_status fscnn_output_open(const char *path, struct fscnn_output *out, struct fscnn_error *err) {
    *out = (struct fscnn_output){.path = strdup(path)};
    if (!out->path) {
        return error_memory(err, strlen(path), "a file name");
    }
    out->fd = open_target(out);
    if (out->fd >= 0) {
        out->stream = fopencookie(out, "wb", (cookie_io_functions_t){.write = stream_write, .close = stream_close});
    }
    if (!out->stream) {
        enum fscnn_status status = error_set(err, FSCNN_ERROR_IO, "%s: %s", path, strerror(errno));
        if (out->fd >= 0) {
            close(out->fd);
        }
        fscnn_output_discard(out);
        return status;
    }
    return FSCNN_OK;
}

enum fscnn_status fscnn_output_commit(struct fscnn_output *out, struct fscnn_error *err) {
    bool bad = ferror(out->stream) != 0;
    bad |= fclose(out->stream) != 0;
    out->stream = NULL;
    if (bad) {
        note_cause(out, EIO);
    } else if (out->temporary && rename(out->temporary, out->path) < 0) {
        note_cause(out, errno);
    } else if (out->temporary) {
        forget_temporary(out);
    }
    enum fscnn_status status = FSCNN_OK;
    if (out->cause) {
        status = error_set(err, FSCNN_ERROR_IO, "%s: %s", out->path, strerror(out->cause));
    }
    fscnn_output_discard(out);
    return status;
}

void fscnn_output_discard(struct fscnn_output *out) {
    if (out->stream) {
        fclose(out->stream);
    }
    if (out->temporary) {
        unlink(out->temporary);
        forget_temporary(out);
    }
    free(out->path);
    *out = (struct fscnn_output){0};
}
