/*
 * Hardware presets. Source: MQBench (Li et al. 2021, arXiv:2111.03759), its table of
 * back ends; "academic" is what BRECQ's paper uses.
 */
#include "models/compress/compress.h"

#include <string.h>

// clang-format off
static const struct preset presets[] = {
    {"academic", "asymmetric but for 8-bit weights, which are per channel, as the papers",
     {.bits = 8},                                     {.bits = 8},                    true},
    {"tensorrt", "symmetric, weights per channel; TensorRT",
     {.bits = 8, .symmetric = true, .narrow = true},  {.bits = 8, .symmetric = true}, true},
    {"openvino", "symmetric weights per channel, asymmetric activations; OpenVINO, VNNI",
     {.bits = 8, .symmetric = true, .narrow = true},  {.bits = 8},                    true},
    {"snpe", "asymmetric per tensor; Qualcomm SNPE, QNN",
     {.bits = 8},                                     {.bits = 8},                    false},
    {"vitis", "symmetric per tensor, power-of-two scales; Xilinx DPU",
     {.bits = 8, .symmetric = true, .power_of_two = true},
     {.bits = 8, .symmetric = true, .power_of_two = true},                            false},
    {"acl", "symmetric weights per channel, asymmetric activations; Arm Compute Library",
     {.bits = 8, .symmetric = true, .narrow = true},  {.bits = 8},                    true},
    {"tvm", "symmetric, power-of-two scales, per tensor; TVM",
     {.bits = 8, .symmetric = true, .power_of_two = true},
     {.bits = 8, .symmetric = true, .power_of_two = true},                            false},
};
// clang-format on

const struct preset *preset_nth(size_t i)
{
    return i < sizeof presets / sizeof *presets ? &presets[i] : NULL;
}

const struct preset *preset_find(const char *name)
{
    for (size_t i = 0; preset_nth(i); i++)
        if (!strcmp(presets[i].name, name))
            return &presets[i];
    return NULL;
}
