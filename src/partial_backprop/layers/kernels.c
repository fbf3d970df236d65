/* Passes over memory that torch's processor kernels do not offer, for one thread.

   Tensors lie as (N, H, W, C), C last: x[row * c + k] with row = (n * H + h) * W + w. Callers check shapes.
   No sum is reordered (no -ffast-math): the same build gives the same bits. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIMD _Pragma("omp simd")
typedef ptrdiff_t size;

/* ---- Winograd's convolution F(4 x 4, 3 x 3): Lavin and Gray, "Fast algorithms for convolutional neural
   networks", CVPR 2016. Tiles of 6 x 6 inputs give 4 x 4 outputs by 36 products instead of 144. ---- */

/* One dimension of the input's transform, B^T d. */
static void transform_input(const float *restrict d0, const float *restrict d1, const float *restrict d2,
                            const float *restrict d3, const float *restrict d4, const float *restrict d5,
                            float *restrict t, size step, size c) {
    float *restrict t0 = t, *restrict t1 = t + step, *restrict t2 = t + 2 * step;
    float *restrict t3 = t + 3 * step, *restrict t4 = t + 4 * step, *restrict t5 = t + 5 * step;
    SIMD for (size k = 0; k < c; k++) {
        float e0 = d0[k], e1 = d1[k], e2 = d2[k], e3 = d3[k], e4 = d4[k], e5 = d5[k];
        t0[k] = 4 * e0 - 5 * e2 + e4;
        t1[k] = (e3 + e4) - 4 * (e1 + e2);
        t2[k] = 4 * (e1 - e2) + (e4 - e3);
        t3[k] = 2 * (e3 - e1) + (e4 - e2);
        t4[k] = 2 * (e1 - e3) + (e4 - e2);
        t5[k] = 4 * e1 - 5 * e3 + e5;
    }
}

/* One dimension of the output's transform, A^T m; with `bias` where it is the second one. */
static void transform_output(const float *restrict m, size step_in, float *restrict t, size step, size c,
                             const float *restrict bias) {
    const float *restrict m0 = m, *restrict m1 = m + step_in, *restrict m2 = m + 2 * step_in;
    const float *restrict m3 = m + 3 * step_in, *restrict m4 = m + 4 * step_in, *restrict m5 = m + 5 * step_in;
    float *restrict t0 = t, *restrict t1 = t + step, *restrict t2 = t + 2 * step, *restrict t3 = t + 3 * step;
    SIMD for (size k = 0; k < c; k++) {
        float b = bias ? bias[k] : 0.0f;
        float p = m1[k] + m2[k], q = m1[k] - m2[k], u = m3[k] + m4[k], v = m3[k] - m4[k];
        t0[k] = m0[k] + p + u + b;
        t1[k] = q + 2 * v + b;
        t2[k] = p + 4 * u + b;
        t3[k] = q + 8 * v + m5[k] + b;
    }
}

/* x (n, h, w, c) -> tiles (36, n h/4 w/4, c); scratch holds 37 c numbers. */
void winograd_input(const float *x, float *tiles, float *scratch, size n, size h, size w, size c) {
    float *zero = scratch + 36 * c;
    size tile = 0, step = n * (h / 4) * (w / 4) * c;
    memset(zero, 0, c * sizeof(float));
    for (size i = 0; i < n; i++)
        for (size a = 0; a < h; a += 4)
            for (size b = 0; b < w; b += 4, tile++) {
                for (size r = 0; r < 6; r++) {
                    size y = a + r - 1;
                    float *out = scratch + 6 * r * c;
                    if (y < 0 || y >= h) {
                        memset(out, 0, 6 * c * sizeof(float));
                        continue;
                    }
                    const float *row = x + ((i * h + y) * w + b) * c;
                    transform_input(b ? row - c : zero, row, row + c, row + 2 * c, row + 3 * c,
                                    b + 4 < w ? row + 4 * c : zero, out, c, c);
                }
                for (size s = 0; s < 6; s++) {
                    const float *e = scratch + s * c;
                    transform_input(e, e + 6 * c, e + 12 * c, e + 18 * c, e + 24 * c, e + 30 * c,
                                    tiles + s * step + tile * c, 6 * step, c);
                }
            }
}

/* tiles (36, n h/4 w/4, c) -> y (n, h, w, c); bias of c numbers or NULL; scratch holds 24 c numbers. */
void winograd_output(const float *tiles, float *y, const float *bias, float *scratch, size n, size h, size w,
                     size c) {
    size tile = 0, step = n * (h / 4) * (w / 4) * c;
    for (size i = 0; i < n; i++)
        for (size a = 0; a < h; a += 4)
            for (size b = 0; b < w; b += 4, tile++) {
                for (size s = 0; s < 6; s++)
                    transform_output(tiles + s * step + tile * c, 6 * step, scratch + s * c, 6 * c, c, NULL);
                for (size r = 0; r < 4; r++)
                    transform_output(scratch + 6 * r * c, c, y + ((i * h + a + r) * w + b) * c, c, c, bias);
            }
}

/* One dimension of a filter's transform, G g. */
static void transform_filter(const float *restrict g0, const float *restrict g1, const float *restrict g2,
                             float *restrict t, size step, size c) {
    float *restrict t0 = t, *restrict t1 = t + step, *restrict t2 = t + 2 * step;
    float *restrict t3 = t + 3 * step, *restrict t4 = t + 4 * step, *restrict t5 = t + 5 * step;
    SIMD for (size k = 0; k < c; k++) {
        float even = g0[k] + g2[k], far = g0[k] * (1.0f / 24) + g2[k] * (1.0f / 6), mid = g1[k] * (1.0f / 12);
        t0[k] = g0[k] * 0.25f;
        t1[k] = (even + g1[k]) * (-1.0f / 6);
        t2[k] = (even - g1[k]) * (-1.0f / 6);
        t3[k] = far + mid;
        t4[k] = far - mid;
        t5[k] = g2[k];
    }
}

/* w (f, 3, 3, c) -> filters (36, f, c), turned by 180 degrees if `flip`; scratch holds 18 c numbers. */
void winograd_filters(const float *w, float *filters, float *scratch, size f, size c, size flip) {
    for (size i = 0; i < f; i++) {
        const float *taps = w + 9 * i * c;
        for (size s = 0; s < 3; s++) {
            const float *first = taps + (flip ? 8 - s : s) * c;
            size step = flip ? -3 * c : 3 * c;
            transform_filter(first, first + step, first + 2 * step, scratch + s * c, 3 * c, c);
        }
        for (size r = 0; r < 6; r++) {
            const float *row = scratch + 3 * r * c;
            transform_filter(row, row + c, row + 2 * c, filters + (6 * r * f + i) * c, f * c, c);
        }
    }
}

/* ---- Batch normalisation and pooling, of float32 and bfloat16. ---- */

#define CHUNK 64 /* times `period` numbers are summed in float32 before they go into a double */

static void repeat(float *vector, size c, size period) {
    for (size at = c; at < period; at += c) memcpy(vector + at, vector, c * sizeof(float));
}

static void fold(double *sums, size c, size period) {
    for (size at = c; at < period; at += c)
        for (size k = 0; k < c; k++) sums[k] += sums[at + k];
}

static inline float from_bfloat16(uint16_t number) {
    uint32_t bits = (uint32_t)number << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t to_bfloat16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    /* To the nearest, ties to even; NaN stays one. */
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

#define NUMBER float
#define LOAD(number) (number)
#define STORE(value) (value)
#define NAME(function) function##_float32
#include "maps.h"
#undef NUMBER
#undef LOAD
#undef STORE
#undef NAME
#undef ROWS

#if defined(__AVX512BF16__) && defined(__AVX512BW__)
#define HAS_VECTORS
#include "vectors.h"
#endif
#define NUMBER uint16_t
#define LOAD from_bfloat16
#define STORE to_bfloat16
#define NAME(function) function##_bfloat16
#include "maps.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__linux__)
#include "tiles.h"
#else
size tiles_ready(void) { return 0; }
#endif
