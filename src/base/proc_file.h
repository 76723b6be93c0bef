/* Small files in which Linux tells about the machine. Each may be missing: containers, other architectures. */
#ifndef FSCNN_BASE_PROC_FILE_H
#define FSCNN_BASE_PROC_FILE_H

#include <stdbool.h>

/* The first line without its newline; false where there is none or it is empty. */
bool proc_line(const char *path, char *line, int size);
/* The number with which the first line begins; false where it begins otherwise ("max"). */
bool proc_number(const char *path, long long *out);
/* The value of a "key : value" line, as /proc/cpuinfo and /proc/meminfo have them, or "key value". */
bool proc_value(const char *path, const char *key, char *value, int size);

#endif
