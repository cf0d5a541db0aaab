/* Up or down for every weight of a block: AdaRound's variables, and their steps. */
#pragma once

#include "models/compress/compress.h"
#include "models/runtime/train.h"

struct rounding;

/* The layers [first, last) whose weights are variables of `training`. */
void rounding_open(struct compress *compress, struct training *training, int first,
                   int last, struct rounding **out);
void rounding_close(struct rounding *rounding);

/* Writes the soft weights into the training's variables. */
enum status rounding_write(struct rounding *rounding);
/*
 * One step of Adam on alpha, from the weights' gradients.
 *   lambda, beta  of the regulariser lambda sum(1 - |2h - 1|^beta); lambda 0: none yet
 */
enum status rounding_step(struct rounding *rounding, double rate, double lambda,
                          double beta);
/* Rounds hard and puts the codes into the network, and into the training's variables. */
void rounding_settle(struct rounding *rounding);
int rounding_layers(const struct rounding *rounding);
