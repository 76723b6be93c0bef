/* Fuzz target: what evaluation reads - results as text, and sort.log. No name leads out of its folder. */
#include <stdlib.h>

#include "eval/result_files.h"
#include "eval/sort_log.h"

enum { PIXELS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_text(const uint8_t *data, size_t size) {
    struct label_buffer out = {0};
    struct fscnn_error err;
    for (int asked = 0; asked <= 2; asked += 2) {
        int classes = asked;
        if (result_text_parse((const char *)data, size, "fuzz", PIXELS, &classes, &out, &err) != FSCNN_OK) {
            continue;
        }
        for (int i = 0; i < PIXELS; i++) { /* logits give one of their classes */
            if (out.count != PIXELS || (asked == 0 && classes > 0 && out.labels[i] >= classes)) {
                abort();
            }
        }
    }
    label_buffer_release(&out);
}

static void fuzz_sort_log(const uint8_t *data, size_t size) {
    struct sort_log log;
    struct fscnn_error err;
    if (sort_log_parse(data, size, "fuzz", &log, &err) == FSCNN_OK) {
        for (size_t i = 0; i < log.count; i++) {
            for (const char *c = log.stems[i]; *c; c++) {
                if (*c == '/' || (*c == '.' && c[1] == '.')) {
                    abort();
                }
            }
        }
        sort_log_free(&log);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_text(data, size);
    fuzz_sort_log(data, size);
    return 0;
}
