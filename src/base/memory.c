#include "base/memory.h"

#include <stdio.h>
#include <unistd.h>

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
