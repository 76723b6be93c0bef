#include "base/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc_file.h"

enum { PATH_MOST = 2300 };

const struct cgroup_place cgroup_here = {"/proc/self/cgroup", "/sys/fs/cgroup"};

/* Calls visit for this process's folder in the hierarchy of `controller` and those above it: version 2 for "", version
 * 1 otherwise. Inside a container the list may name a folder of the host that is not there; the top one then is. */
static void visit(const struct cgroup_place *place, const char *controller,
                  void (*visitor)(const char *folder, void *user), void *user) {
    FILE *file = fopen(place->list, "re");
    char line[2048];
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path) {
            continue;
        }
        *path++ = '\0';
        names++;
        bool match = controller[0] == '\0' && names[0] == '\0';
        for (char *rest = names, *name; !match && (name = strsep(&rest, ",")) && name[0];) {
            match = strcmp(name, controller) == 0;
        }
        for (; match;) {
            char folder[PATH_MOST];
            snprintf(folder, sizeof(folder), "%s/%s%s", place->root, controller, path);
            visitor(folder, user);
            char *slash = strrchr(path, '/');
            if (!slash) {
                break;
            }
            *slash = '\0';
        }
    }
    if (file) {
        fclose(file);
    }
}

/* The number that the file `name` in `folder` begins with. */
static bool number_in(const char *folder, const char *name, long long *out) {
    char path[PATH_MOST + 64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return proc_number(path, out);
}

static void lower_cores(const char *folder, void *user) {
    double *limit = user;
    char path[PATH_MOST + 64], line[64];
    long long quota = -1, period = 0;
    snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (proc_line(path, line, sizeof(line))) {
        if (sscanf(line, "%lld %lld", &quota, &period) != 2) {
            return; /* "max 100000" */
        }
    } else if (!number_in(folder, "cpu.cfs_quota_us", &quota) || !number_in(folder, "cpu.cfs_period_us", &period)) {
        return;
    }
    if (quota > 0 && period > 0) {
        double cores = (double)quota / (double)period;
        *limit = *limit == 0 || cores < *limit ? cores : *limit;
    }
}

double cgroup_cores(const struct cgroup_place *place) {
    double limit = 0;
    visit(place, "", lower_cores, &limit);
    visit(place, "cpu", lower_cores, &limit);
    return limit;
}

/* Bytes that are counted as the group's, but given back when memory is short: cached files above all. */
static uint64_t reclaimable(const char *folder, const char *const *keys) {
    char path[PATH_MOST + 64], value[64];
    uint64_t sum = 0;
    snprintf(path, sizeof(path), "%s/memory.stat", folder);
    for (; *keys; keys++) {
        sum += proc_value(path, *keys, value, sizeof(value)) ? strtoull(value, NULL, 10) : 0;
    }
    return sum;
}

static void lower_memory(const char *folder, void *user) {
    static const char *const keys_2[] = {"inactive_file", "active_file", "slab_reclaimable", NULL};
    static const char *const keys_1[] = {"total_inactive_file", "total_active_file", NULL};
    struct cgroup_memory *memory = user;
    long long limit, used;
    uint64_t cached;
    if (number_in(folder, "memory.max", &limit) && number_in(folder, "memory.current", &used)) {
        cached = reclaimable(folder, keys_2);
    } else if (number_in(folder, "memory.limit_in_bytes", &limit) &&
               number_in(folder, "memory.usage_in_bytes", &used)) {
        cached = reclaimable(folder, keys_1);
    } else {
        return; /* "max" */
    }
    if (limit < 0 || used < 0 || limit >= 1LL << 60) { /* version 1 says "no limit" by the largest number of pages */
        return;
    }
    const uint64_t held = (uint64_t)used > cached ? (uint64_t)used - cached : 0;
    const uint64_t left = (uint64_t)limit > held ? (uint64_t)limit - held : 0;
    memory->limit = (uint64_t)limit < memory->limit ? (uint64_t)limit : memory->limit;
    memory->left = left < memory->left ? left : memory->left;
}

struct cgroup_memory cgroup_memory(const struct cgroup_place *place) {
    struct cgroup_memory memory = {UINT64_MAX, UINT64_MAX};
    visit(place, "", lower_memory, &memory);
    visit(place, "memory", lower_memory, &memory);
    return memory;
}
