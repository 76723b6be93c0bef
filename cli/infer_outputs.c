#include "infer_outputs.h"

#include <math.h>
#include <string.h>

enum { LONGEST_VALUE = 64, TEXT_BUFFER = 1 << 16 };

static float half_value(uint16_t half) {
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    float value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                  : exponent == 0 ? ldexpf((float)mantissa, -24)
                                  : ldexpf((float)(mantissa + 1024), exponent - 25);
    return half & 0x8000 ? -value : value;
}

size_t format_float(float value, char *out) {
    double magnitude = fabs((double)value);
    if (!(magnitude < 1e12)) {
        return (size_t)snprintf(out, LONGEST_VALUE, "%f ", (double)value);
    }
    /* Exact: 24 bits of the float and 14 of 1000000 = 15625 * 64 fit a double. Ties go to even here as there. */
    uint64_t millionths = (uint64_t)nearbyint(magnitude * 1e6);
    char digits[32];
    int n = 0;
    for (; n < 7 || millionths; millionths /= 10) {
        digits[n++] = (char)('0' + millionths % 10);
    }
    size_t used = 0;
    if (signbit(value)) {
        out[used++] = '-';
    }
    while (n > 0) {
        out[used++] = digits[--n];
        if (n == 6) {
            out[used++] = '.';
        }
    }
    out[used++] = ' ';
    return used;
}

static size_t format_byte(uint8_t value, char *out) {
    size_t used = 0;
    if (value >= 100) {
        out[used++] = (char)('0' + value / 100);
    }
    if (value >= 10) {
        out[used++] = (char)('0' + value / 10 % 10);
    }
    out[used++] = (char)('0' + value % 10);
    out[used++] = ' ';
    return used;
}

static void write_text(FILE *stream, enum fscnn_output_type type, const void *data, size_t rows, size_t columns) {
    static _Thread_local char buffer[TEXT_BUFFER];
    size_t used = 0, at = 0;
    for (size_t y = 0; y < rows; y++) {
        for (size_t x = 0; x < columns; x++, at++) {
            if (type == FSCNN_OUTPUT_F32) {
                used += format_float(((const float *)data)[at], buffer + used);
            } else if (type == FSCNN_OUTPUT_F16) {
                used += format_float(half_value(((const uint16_t *)data)[at]), buffer + used);
            } else {
                used += format_byte(((const uint8_t *)data)[at], buffer + used);
            }
            if (used > TEXT_BUFFER - LONGEST_VALUE - 1) {
                fwrite(buffer, 1, used, stream);
                used = 0;
            }
        }
        buffer[used++] = '\n';
    }
    fwrite(buffer, 1, used, stream);
}

enum fscnn_status result_write(const char *path, enum result_format format, const struct fscnn_model_info *info,
                               enum fscnn_output_type type, const void *data, size_t bytes, int images,
                               struct fscnn_error *err) {
    if (format == RESULT_NPY) {
        static const enum fscnn_dtype dtypes[] = {[FSCNN_OUTPUT_F32] = FSCNN_DTYPE_F32,
                                                  [FSCNN_OUTPUT_F16] = FSCNN_DTYPE_F16,
                                                  [FSCNN_OUTPUT_LABELS] = FSCNN_DTYPE_U8};
        int64_t logits[] = {images, info->classes, info->output_height, info->output_width};
        int64_t labels[] = {images, info->output_height, info->output_width};
        bool is_labels = type == FSCNN_OUTPUT_LABELS;
        return fscnn_npy_write(path, dtypes[type], is_labels ? labels : logits, is_labels ? 3 : 4, data, err);
    }
    struct fscnn_output file;
    enum fscnn_status status = fscnn_output_open(path, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (format == RESULT_BIN) {
        fwrite(data, 1, bytes, file.stream);
    } else {
        size_t size = type == FSCNN_OUTPUT_F32 ? 4 : type == FSCNN_OUTPUT_F16 ? 2 : 1;
        size_t columns = (size_t)info->output_width;
        write_text(file.stream, type, data, bytes / size / columns, columns);
    }
    return fscnn_output_commit(&file, err);
}
