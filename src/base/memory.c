#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/proc_file.h"

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

uint64_t fscnn_memory_available(void) {
    char text[64];
    uint64_t bytes = 0;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (proc_value("/proc/meminfo", "MemAvailable", text, sizeof(text))) {
        bytes = 1024 * (uint64_t)strtoull(text, NULL, 10);
    } else if (pages > 0 && page > 0) {
        bytes = (uint64_t)pages * (uint64_t)page;
    }
    const uint64_t left = cgroup_memory(&cgroup_here).left;
    if (left == UINT64_MAX || (bytes > 0 && bytes < left)) {
        return bytes;
    }
    return left > 0 ? left : 1; /* 0 would say that nothing is known */
}

enum fscnn_status memory_weigh(uint64_t bytes, const char *what, struct fscnn_error *err) {
    const uint64_t available = fscnn_memory_available();
    if (available > 0 && bytes > available) {
        return error_set(err, FSCNN_ERROR_MEMORY, "%s needs %.0f MB, %.0f MB are available", what, (double)bytes * 1e-6,
                         (double)available * 1e-6);
    }
    return FSCNN_OK;
}

void *memory_new(size_t bytes) {
    bytes = bytes ? (bytes + LINE - 1) / LINE * LINE : LINE;
    const size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : LINE;
    void *data = aligned_alloc(align, (bytes + align - 1) / align * align);
    if (data) {
        if (align == HUGE_PAGE) { /* whole ones alone: what is left over would take one more */
            madvise(data, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
        }
        memset(data, 0, bytes);
    }
    return data;
}
