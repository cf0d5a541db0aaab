/*
 * How a network is to be trained, as a YAML file. Every key but `architecture`, `dataset`
 * and `output` has a default; an unknown key is an error with its line.
 *
 *     architecture: resnet20          # gauntlet train --architectures
 *     dataset: cifar10-train.tar      # as in a suite
 *     validation: cifar10-test.tar
 *     output: resnet20.onnx
 *     epochs: 30
 *     batch: 128
 *     rate: 0.1
 */
#pragma once

#include "models/train/trainer.h"

struct train_config {
    char *architecture, *dataset, *classes, *validation, *output, *technique;
    uint64_t epochs, batch, parts, side, resize, seed, limit, validation_limit;
    char *optimizer, *rate, *warmup, *schedule, *milestones, *factor, *momentum, *decay;
    char *smoothing, *average, *mean, *std;
    uint64_t crop, randaugment;
    bool flip;
    char *jitter, *magnitude, *mixup, *cutmix;
    char *adversary, *eps, *alpha, *beta;
    uint64_t steps;
    char *teacher, *distill, *temperature;
    char **decoders, **resizers; /* drawn from, sample by sample */
    unsigned decoders_count, resizers_count;
};

/* Paths become relative to the file's folder. */
enum status train_config_load(const char *path, struct train_config **out);
void train_config_free(struct train_config *config);

/* n_classes, teacher and threads are the caller's to fill. ERR_USAGE names the key. */
enum status train_config_rule(const struct train_config *config, struct train_rule *out);
