/*
 * SIMD_CLONES in front of a function compiles it for the baseline, AVX2 and AVX-512, and
 * the loader picks. Contraction to fused multiply-add is off everywhere (meson.build), so
 * the clones give the same bits: only the width changes, never the order of a sum the
 * source spells out. Sanitizer builds compile the baseline alone.
 */
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) &&                             \
    !defined(__SANITIZE_THREAD__) && defined(__gnu_linux__) && defined(__GNUC__) &&      \
    !defined(__clang__)
#define SIMD_CLONES                                                                      \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES
#endif
