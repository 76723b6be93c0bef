/* What control groups (containers, systemd units) leave of the machine: versions 1 and 2. Limits may stand at any level
 * above the process; the lowest one counts. */
#ifndef FSCNN_BASE_CGROUP_H
#define FSCNN_BASE_CGROUP_H

#include <stdint.h>

/* Where the kernel tells about them; tests make their own. */
struct cgroup_place {
    const char *list; /* this process's groups */
    const char *root; /* the mounted hierarchies */
};
extern const struct cgroup_place cgroup_here;

/* Cores' worth of time granted; 0: no limit. */
double cgroup_cores(const struct cgroup_place *place);

struct cgroup_memory {
    uint64_t limit; /* bytes; UINT64_MAX: none */
    uint64_t left;  /* bytes that can still be taken, cached files counted as free; UINT64_MAX: no limit */
};
struct cgroup_memory cgroup_memory(const struct cgroup_place *place);

#endif
