#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

uint64_t memory_available(void) {
    FILE *file = fopen("/proc/meminfo", "r");
    unsigned long long kilobytes = 0;
    char line[256];
    while (file && kilobytes == 0 && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) != 1) {
            kilobytes = 0;
        }
    }
    if (file) {
        fclose(file);
    }
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (kilobytes == 0 && pages > 0 && page > 0) {
        return (uint64_t)pages * (uint64_t)page;
    }
    return (uint64_t)kilobytes * 1024;
}

enum fscnn_status memory_weigh(uint64_t bytes, const char *what, struct fscnn_error *err) {
    const uint64_t available = memory_available();
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
