/* Adam on active entries alone. Moments, gradients and updates of some active entries are computed on
 * neighbouring numbers, which a processor does several at a time, and the updates are added to the weights
 * where they belong, while the next numbers are on their way from memory. The order of operations is that
 * of torch's fused kernel, and of adam_kernel.py; a change of it changes results. No length is looked at
 * here: active_adam.step has done so. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

enum { COUPLED = 1, DECOUPLED = 2, CHUNK = 32, MOST = 2048 };

/* Add updates to the entries that have their bit set, 16 at a time; others are not written. */
static void spread(float *w, const float *updates, const uint16_t *bits, int64_t n_words)
{
#ifdef __AVX512F__
    for (int64_t i = 0; i < n_words; i++, w += 16) {
        __mmask16 wanted = bits[i];
        __m512 more = _mm512_maskz_expandloadu_ps(wanted, updates);
        _mm512_mask_storeu_ps(w, wanted, _mm512_add_ps(_mm512_maskz_loadu_ps(wanted, w), more));
        updates += __builtin_popcount(wanted);
    }
#else
    (void)w, (void)updates, (void)bits, (void)n_words;
#endif
}

/* Whether `spread` serves: numbers of 4 bytes on a processor that has its vectors, and no decay of weights. */
static inline int spreads(size_t width, int64_t size, const uint16_t *bits, int decay)
{
#ifdef __AVX512F__
    return width == 4 && size <= MOST && bits && !decay;
#else
    return 0 * (width + size + decay + !bits);
#endif
}

#define ADAM(NAME, T, FMA, SQRT)                                                                         \
    static inline __attribute__((always_inline)) void NAME##_chunk(                                      \
        int64_t n, T *restrict w, const uint16_t *restrict at, const T *restrict g, T *restrict m,       \
        T *restrict v, T *restrict top, int amsgrad, T one_minus_beta1, T beta2, T one_minus_beta2,      \
        T minus_step_size, T root_correction, T eps, int decay, T decay_by, T *restrict work, int adds)  \
    {                                                                                                    \
        for (int64_t j = 0; j < n; j++) work[j] = g[j];                                                  \
        if (decay == COUPLED)                                                                            \
            for (int64_t j = 0; j < n; j++) work[j] = FMA(w[at[j]], decay_by, work[j]);                  \
        else if (decay == DECOUPLED)                                                                     \
            for (int64_t j = 0; j < n; j++) w[at[j]] *= decay_by;                                        \
        if (amsgrad)                                                                                     \
            for (int64_t j = 0; j < n; j++) {                                                            \
                m[j] = FMA(one_minus_beta1, work[j] - m[j], m[j]);                                       \
                v[j] = FMA(one_minus_beta2 * work[j], work[j], v[j] * beta2);                            \
                top[j] = top[j] < v[j] ? v[j] : top[j];                                                  \
                work[j] = minus_step_size * m[j] / (SQRT(top[j]) / root_correction + eps);               \
            }                                                                                            \
        else                                                                                             \
            for (int64_t j = 0; j < n; j++) {                                                            \
                m[j] = FMA(one_minus_beta1, work[j] - m[j], m[j]);                                       \
                v[j] = FMA(one_minus_beta2 * work[j], work[j], v[j] * beta2);                            \
                work[j] = minus_step_size * m[j] / (SQRT(v[j]) / root_correction + eps);                 \
            }                                                                                            \
        if (adds)                                                                                        \
            for (int64_t j = 0; j < n; j++) w[at[j]] += work[j];                                         \
    }                                                                                                    \
                                                                                                         \
    void NAME(                                                                                           \
        int64_t size, int64_t n_blocks, T *values, const uint16_t *places, const int32_t *starts,        \
        const uint16_t *bits, const T *gradients, T *exp_avg, T *exp_avg_sq, T *max_exp_avg_sq,          \
        int amsgrad, T one_minus_beta1, T beta2, T one_minus_beta2, T minus_step_size,                   \
        T root_correction, T eps, int decay, T decay_by)                                                 \
    {                                                                                                    \
        T updates[MOST + CHUNK], work[CHUNK];                                                            \
        int may = spreads(sizeof(T), size, bits, decay);                                                 \
        for (int64_t block = 0; block < n_blocks; block++) {                                             \
            T *w = values + block * size;                                                                \
            int64_t start = starts[block], stop = starts[block + 1], i = start;                          \
            if (!may || stop - start <= size / 8 * 5) { /* few updates are added one by one */           \
                for (; i + CHUNK <= stop; i += CHUNK)                                                    \
                    NAME##_chunk(                                                                        \
                    CHUNK, w, places + i, gradients + i, exp_avg + i, exp_avg_sq + i,                    \
                    max_exp_avg_sq + i, amsgrad, one_minus_beta1, beta2, one_minus_beta2,                \
                    minus_step_size, root_correction, eps, decay, decay_by, work, 1);                    \
                NAME##_chunk(                                                                            \
                    stop - i, w, places + i, gradients + i, exp_avg + i, exp_avg_sq + i,                 \
                    max_exp_avg_sq + i, amsgrad, one_minus_beta1, beta2, one_minus_beta2,                \
                    minus_step_size, root_correction, eps, decay, decay_by, work, 1);                    \
                continue;                                                                                \
            }                                                                                            \
            for (; i + CHUNK <= stop; i += CHUNK)                                                        \
                NAME##_chunk(                                                                            \
                    CHUNK, w, places + i, gradients + i, exp_avg + i, exp_avg_sq + i,                    \
                    max_exp_avg_sq + i, amsgrad, one_minus_beta1, beta2, one_minus_beta2,                \
                    minus_step_size, root_correction, eps, decay, decay_by, updates + i - start, 0);     \
            NAME##_chunk(                                                                                \
                    stop - i, w, places + i, gradients + i, exp_avg + i, exp_avg_sq + i,                 \
                    max_exp_avg_sq + i, amsgrad, one_minus_beta1, beta2, one_minus_beta2,                \
                    minus_step_size, root_correction, eps, decay, decay_by, updates + i - start, 0);     \
            spread((float *)w, (const float *)updates, bits + block * size / 16, size / 16);             \
        }                                                                                                \
    }                                                                                                    \

ADAM(adam_4, float, fmaf, sqrtf)
ADAM(adam_8, double, fma, sqrt)

#define GATHER(NAME, T)                                                                                  \
    void NAME(                                                                                           \
        int64_t size, int64_t n_blocks, const T *values, const uint16_t *places, const int32_t *starts,  \
        T *found)                                                                                        \
    {                                                                                                    \
        for (int64_t block = 0; block < n_blocks; block++)                                               \
            for (int64_t i = starts[block]; i < starts[block + 1]; i++)                                  \
                found[i] = values[block * size + places[i]];                                             \
    }

GATHER(gather_2, uint16_t)
GATHER(gather_4, uint32_t)
GATHER(gather_8, uint64_t)
