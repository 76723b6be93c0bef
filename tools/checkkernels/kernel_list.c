#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "checkkernels.h"
#include "cpu/cpu.h"

const char *const elem_names[] = {"f32", "bf16", "u8"};

#define KERNEL(name, member, operation, type, tolerance)                                                               \
    {#name, offsetof(struct kernels, member), &operation_##operation, type, tolerance},
const struct kernel kernel_list[] = {
#include "kernels.list"
};
#undef KERNEL
const int num_kernels = sizeof(kernel_list) / sizeof(kernel_list[0]);

/* A kernel that nobody lists is a kernel that nobody checks. */
enum {
    MEMBERS = sizeof(struct kernels) / sizeof(void *),
    LISTED = sizeof(kernel_list) / sizeof(kernel_list[0]),
    OTHERS = 2 /* isa, what pays */ + ELEM_COUNT + 2 /* peaks, which compute nothing */
};
_Static_assert(MEMBERS == LISTED + OTHERS, "kernels.list is to have every kernel");

/* "AVX-512-VNNI" as the files of kernels write it. */
static void isa_set_name(struct isa *isa, uint32_t flag) {
    char text[64];
    size_t length = 0;
    cpu_flags_text(flag, text, sizeof(text));
    for (const char *t = text; *t && length + 1 < sizeof(isa->name); t++) {
        if (*t != '-') {
            isa->name[length++] = (char)tolower((unsigned char)*t);
        }
    }
    isa->name[length] = '\0';
}

int isas_find(struct isa isas[MAX_ISAS]) {
    /* Flags in the order of their bits, but that 256-bit kernels come before those of 512 bits that replace them. */
    const uint32_t found = cpu_flags_found(), early = found & (CPU_AVX2 | CPU_AVX_VNNI);
    uint32_t flags = 0;
    int count = 0;
    isas[count++] = (struct isa){.name = "c", .kernels = kernels_get(0)};
    for (int pass = 0; pass < 2; pass++) {
        for (int bit = 0; bit < 32; bit++) {
            const uint32_t flag = (pass == 0 ? early : found & ~early) & (uint32_t)1 << bit;
            if (flag) {
                flags |= flag;
                isas[count].kernels = kernels_get(flags);
                isa_set_name(&isas[count++], flag);
            }
        }
    }
    return count;
}

bool isa_has_own(const struct isa *isas, int i, const struct kernel *kernel) {
    void (*own)(void), (*before)(void);
    if (i == 0) {
        return true;
    }
    memcpy(&own, (const char *)&isas[i].kernels + kernel->offset, sizeof(own));
    memcpy(&before, (const char *)&isas[i - 1].kernels + kernel->offset, sizeof(before));
    return own != before;
}

bool name_matches(const char *pattern, const char *kernel, const char *isa) {
    char name[96];
    snprintf(name, sizeof(name), "%s %s", kernel, isa);
    return !pattern || (strpbrk(pattern, "*?[") ? fnmatch(pattern, name, 0) == 0 : strstr(name, pattern) != NULL);
}

int no_match(const char *pattern, const struct isa *isas, int num_isas) {
    fprintf(stderr, "checkkernels: no kernel matches '%s'. Kernels:", pattern);
    for (int i = 0; i < num_kernels; i++) {
        fprintf(stderr, " %s", kernel_list[i].name);
    }
    fputs("; instruction sets:", stderr);
    for (int i = 0; i < num_isas; i++) {
        fprintf(stderr, " %s", isas[i].name);
    }
    fputc('\n', stderr);
    return 1;
}
