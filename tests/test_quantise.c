/* From counted values to steps, and from weights to integers. */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "compile/calibrate.h"
#include "compile/quantise.h"
#include "compile/samples.h"
#include "testing.h"

static uint64_t bins[RANGE_BINS];

/* Counts falling off on both sides of 0, and a few far values at the upper end. */
static struct range bell(float low, float high, float width, uint32_t outliers) {
    for (int i = 0; i < RANGE_BINS; i++) {
        double value = low + ((double)high - low) * (i + 0.5) / RANGE_BINS;
        bins[i] = (uint32_t)(1e6 * exp(-value * value / (2.0 * width * width)));
    }
    bins[RANGE_BINS - 1] = outliers;
    return (struct range){.low = low, .high = high, .bins = bins};
}

static float top(struct quant q) { return q.scale * (float)(255 - q.zero); }
static float bottom(struct quant q) { return -q.scale * (float)q.zero; }

static void test_methods(void **state) {
    (void)state;
    const struct range range = bell(0, 10, 1, 20);
    struct quant minmax = choose_quant(&range, FSCNN_CALIBRATION_MINMAX);
    struct quant mse = choose_quant(&range, FSCNN_CALIBRATION_MSE);
    struct quant percentile = choose_quant(&range, FSCNN_CALIBRATION_PERCENTILE);
    struct quant entropy = choose_quant(&range, FSCNN_CALIBRATION_ENTROPY);
    print_message("# 0..10: minmax %.2f, mse %.2f, percentile %.2f, entropy %.2f\n", (double)top(minmax),
                  (double)top(mse), (double)top(percentile), (double)top(entropy));
    assert_float_equal(top(minmax), 10, 1e-4);
    assert_true(top(percentile) > 3.7F && top(percentile) < 4.3F); /* 0.005 % of half a bell curve are beyond 4.06 */
    assert_true(top(mse) > 3 && top(mse) < 7);
    assert_true(top(entropy) > 2 && top(entropy) < 6);
    assert_int_equal(minmax.zero | mse.zero | percentile.zero | entropy.zero, 0);
}

static void test_signed(void **state) {
    (void)state;
    for (int method = FSCNN_CALIBRATION_PERCENTILE; method <= FSCNN_CALIBRATION_ENTROPY; method++) {
        const struct range range = bell(-6, 12, 1, 3);
        struct quant q = choose_quant(&range, (enum fscnn_calibration_method)method);
        assert_true(q.zero > 0 && q.zero < 255);
        assert_true(bottom(q) < -1.0F && bottom(q) >= -6.1F && top(q) > 2.0F && top(q) <= 12.1F);
    }
    const struct range nothing = {.low = 0, .high = 0, .bins = bins};
    assert_float_equal(choose_quant(&nothing, FSCNN_CALIBRATION_ENTROPY).scale, 1, 0);
}

/* A convolution of the inputs' means gives what the exact weights give, however coarse the integers are. */
static void test_mean_is_kept(void **state) {
    (void)state;
    enum { K = 64, CHANNELS = 16 };
    static float weights[CHANNELS * K], bias[CHANNELS];
    static struct quant_k in[K];
    struct pack pack = {0};
    struct stage stage = {0};
    for (int i = 0; i < CHANNELS * K; i++) {
        weights[i] = sinf((float)(i * i)) * (i % K == 3 ? 40.0F : 0.2F); /* one weight that makes all steps large */
    }
    for (int i = 0; i < K; i++) {
        in[i] = (struct quant_k){0.02F, (float)(i % 7), 0.02 * (100 - i % 7)};
    }
    assert_true(quantise_conv(&pack, weights, bias, CHANNELS, K, in, NULL, &stage));
    const int8_t *w = (const int8_t *)pack.bytes + stage.weights;
    const float *multiplier = (const float *)(void *)(pack.bytes + stage.multiplier);
    const float *offset = (const float *)(void *)(pack.bytes + stage.bias);
    double uncorrected = 0;
    for (int n = 0; n < CHANNELS; n++) {
        double exact = 0, sum = 0, plain = 0;
        for (int i = 0; i < K; i++) {
            double rounded = w[i / 4 * 64 + n * 4 + i % 4];
            exact += (double)weights[n * K + i] * in[i].mean;
            sum += 100 * rounded;
            plain += (100 - (double)in[i].zero) * rounded;
        }
        assert_float_equal(sum * (double)multiplier[n] + (double)offset[n], exact, 1e-3 * fabs(exact) + 1e-3);
        uncorrected = fmax(uncorrected, fabs(plain * (double)multiplier[n] - exact));
    }
    assert_true(uncorrected > 0.5); /* there was something to correct */
    free(pack.bytes);
}

/* A channel's own steps are in its multiplier, for outputs, and in its weights, for inputs. */
static void test_channel_steps(void **state) {
    (void)state;
    static const float weights[2 * 4] = {1, 1, 1, 1, 2, 2, 2, 2}, scales[2] = {0.1F, 0.4F};
    const struct quant_k in[4] = {{0.5F, 0, 0}, {0.5F, 0, 0}, {0.25F, 0, 0}, {0.25F, 0, 0}};
    const struct node_quant out = {.scale = 9, .channels = scales};
    struct pack pack = {0};
    struct stage stage = {0};
    assert_true(quantise_conv(&pack, weights, NULL, 2, 4, in, &out, &stage));
    const int8_t *w = (const int8_t *)pack.bytes + stage.weights;
    const float *multiplier = (const float *)(void *)(pack.bytes + stage.multiplier);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(w[n * 4], 127);
        assert_int_equal(w[n * 4 + 2], 64); /* half of it: 63.5 */
        assert_float_equal(multiplier[n], 0.5F * (float)(n + 1) / 127.0F / scales[n], 1e-6);
    }
    free(pack.bytes);
}

/* The pictures of a large folder are chosen from all of it, by name. */
static void test_many_pictures(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    struct fscnn_error err = {""};
    struct samples samples;
    char folder[] = "/tmp/fastscnn-samples-XXXXXX", path[128], command[128];
    assert_non_null(mkdtemp(folder));
    for (int i = COUNT - 1; i >= 0; i--) {
        snprintf(path, sizeof(path), "%s/%04d.png", folder, i);
        assert_int_equal(file_write(path, "", 0, &err), FSCNN_OK);
    }
    assert_int_equal(samples_list(folder, 0, &samples, &err), FSCNN_OK);
    assert_int_equal(samples.listed, COUNT);
    assert_int_equal(samples.count, 32);
    for (int i = 0; i < COUNT; i++) {
        snprintf(path, sizeof(path), "%s/%04d.png", folder, i);
        assert_string_equal(samples.names[i], path);
    }
    samples_free(&samples);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void test_no_pictures(void **state) {
    (void)state;
    struct fscnn_error err = {""};
    struct samples samples;
    char long_name[300];
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(samples_list(long_name, 0, &samples, &err), FSCNN_ERROR_IO);
    assert_non_null(strstr(err.text, "aaa: no pictures to calibrate on: File name too long"));
    assert_int_equal(samples_list("/dev/zero", 0, &samples, &err), FSCNN_ERROR_IO);
    assert_string_equal(err.text, "/dev/zero: not a picture or folder of pictures to calibrate on");
    assert_null(samples.names);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_methods),       cmocka_unit_test(test_signed),
                                       cmocka_unit_test(test_mean_is_kept),  cmocka_unit_test(test_channel_steps),
                                       cmocka_unit_test(test_many_pictures), cmocka_unit_test(test_no_pictures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
