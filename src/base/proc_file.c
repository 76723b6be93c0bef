#include "base/proc_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool proc_line(const char *path, char *line, int size) {
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    bool ok = fgets(line, size, file) != NULL;
    fclose(file);
    if (ok) {
        line[strcspn(line, "\n")] = '\0';
    }
    return ok && line[0] != '\0';
}

bool proc_number(const char *path, long long *out) {
    char line[64], *end;
    if (!proc_line(path, line, sizeof(line))) {
        return false;
    }
    *out = strtoll(line, &end, 10);
    return end != line;
}

bool proc_value(const char *path, const char *key, char *value, int size) {
    FILE *file = fopen(path, "re");
    char line[4096];
    bool found = false;
    const size_t n = strlen(key);
    while (file && !found && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, n) == 0 && (line[n] == ':' || isspace((unsigned char)line[n]))) {
            const char *at = line + n + strspn(line + n, " \t");
            at += *at == ':';
            at += strspn(at, " \t");
            snprintf(value, (size_t)size, "%.*s", (int)strcspn(at, "\n"), at);
            found = value[0] != '\0';
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}
