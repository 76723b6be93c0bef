#include "eval/confusion.h"

#include <stdlib.h>
#include <string.h>

/* Neighbouring pixels mostly hit the same cell: turns between four tables keep an increment from waiting for the store
 * of the one before it. */
enum { COUNTER_TABLES = 4, BLOCK = 4096 };
/* Pixels after which the 32-bit tables are emptied at the latest. */
#define MAX_PIXELS_IN_TABLES ((size_t)1 << 30)

enum fscnn_status confusion_counter_init(struct confusion_counter *counter, int classes, struct fscnn_error *err) {
    size_t cells = (size_t)(classes + 1) * (size_t)classes;
    *counter = (struct confusion_counter){.classes = classes};
    counter->tables = calloc(COUNTER_TABLES * cells, sizeof(uint32_t));
    return counter->tables ? FSCNN_OK : error_memory(err, COUNTER_TABLES * cells * sizeof(uint32_t), "counting");
}

void confusion_counter_release(struct confusion_counter *counter) {
    free(counter->tables);
    *counter = (struct confusion_counter){0};
}

static enum fscnn_status check_predictions(const uint8_t *predicted, size_t count, int classes,
                                           struct fscnn_error *err) {
    uint8_t highest = 0;
    for (size_t i = 0; i < count; i++) {
        highest = predicted[i] > highest ? predicted[i] : highest;
    }
    if (highest < classes) {
        return FSCNN_OK;
    }
    size_t at = 0;
    while (predicted[at] < classes) {
        at++;
    }
    return error_set(err, FSCNN_ERROR_USAGE, "class %d predicted at pixel %zu, but there are %d classes (0..%d)",
                     predicted[at], at, classes, classes - 1);
}

/* Adds the tables to the matrix and zeroes them. */
static void empty_tables(struct confusion_counter *counter, uint64_t *matrix) {
    size_t n = (size_t)counter->classes;
    size_t stride = (n + 1) * n;
    for (int t = 0; t < COUNTER_TABLES; t++) {
        for (size_t i = 0; i < n * n; i++) {
            matrix[i] += counter->tables[(size_t)t * stride + i];
        }
    }
    memset(counter->tables, 0, COUNTER_TABLES * stride * sizeof(uint32_t));
}

/* The cell of each pixel; (255 + 1) * 255 cells fit into 16 bits. */
static void find_cells(const uint8_t *predicted, const uint8_t *truth, size_t count, uint16_t n, uint16_t *cells) {
    for (size_t i = 0; i < count; i++) {
        uint16_t row = truth[i] < n ? truth[i] : n;
        cells[i] = (uint16_t)(row * n + predicted[i]);
    }
}

static void count_block(struct confusion_counter *counter, const uint8_t *predicted, const uint8_t *truth,
                        size_t count) {
    uint16_t cells[BLOCK];
    uint16_t n = (uint16_t)counter->classes;
    find_cells(predicted, truth, count, n, cells);
    size_t stride = (size_t)(n + 1) * n;
    uint32_t *t0 = counter->tables, *t1 = t0 + stride, *t2 = t1 + stride, *t3 = t2 + stride;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        t0[cells[i]]++;
        t1[cells[i + 1]]++;
        t2[cells[i + 2]]++;
        t3[cells[i + 3]]++;
    }
    for (; i < count; i++) {
        t0[cells[i]]++;
    }
}

enum fscnn_status confusion_count(struct confusion_counter *counter, const uint8_t *predicted, const uint8_t *truth,
                                  size_t count, uint64_t *matrix, struct fscnn_error *err) {
    enum fscnn_status status = check_predictions(predicted, count, counter->classes, err);
    if (status != FSCNN_OK) {
        return status;
    }
    for (size_t done = 0; done < count;) {
        size_t block = count - done < BLOCK ? count - done : BLOCK;
        count_block(counter, predicted + done, truth + done, block);
        done += block;
        if (done % MAX_PIXELS_IN_TABLES == 0 || done == count) {
            empty_tables(counter, matrix);
        }
    }
    return FSCNN_OK;
}
