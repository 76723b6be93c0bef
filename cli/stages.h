/* Read | run | write as overlapping stages over numbered items.
 *
 * `readers` threads read, the calling thread runs the items in order, `writers` threads write. Item i is read when
 * fewer than `read_ahead` items wait before the run, and run when fewer than `write_behind` items wait behind it, so
 *   - buffer i % read_ahead belongs to item i from its read to the end of its run,
 *   - buffer i % write_behind from its run to the end of its write,
 *   - slot i % (read_ahead + write_behind) from its read to its finish.
 */
#ifndef FSCNN_CLI_STAGES_H
#define FSCNN_CLI_STAGES_H

#include <stdbool.h>
#include <stddef.h>

enum { STAGES_MAX_THREADS = 16 };

struct stages {
    size_t count;
    int readers, writers; /* 1..STAGES_MAX_THREADS each */
    int read_ahead, write_behind;
    /* Each returns false to stop everything: what was read is not run, what was run is not written any more. */
    bool (*read)(void *user, size_t i);
    bool (*run)(void *user, size_t i);
    bool (*write)(void *user, size_t i);
    /* Called for every written item in order, one at a time; may be NULL. */
    void (*finish)(void *user, size_t i);
    void *user;
};

/* Returns when everything is done or stopped; false when something stopped it or no thread could be made. */
bool stages_run(const struct stages *stages);

#endif
