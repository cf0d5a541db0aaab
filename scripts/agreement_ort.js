// Predictions of one network in ONNX Runtime, for scripts/agreement.py:
//   NODE_PATH=SCRATCH/node_modules node agreement_ort.js MODEL.onnx INPUT.f32 SHAPE all|disabled
// INPUT.f32 holds little-endian float32 of any number of samples, SHAPE is one of them
// ("3x32x32"). Prints the version, then the first largest logit of each sample.
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main([model, input, shape, level]) {
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: level, intraOpNumThreads: 1, executionProviders: ['cpu'],
  });
  const dims = shape.split('x').map(Number), size = dims.reduce((a, b) => a * b);
  const bytes = fs.readFileSync(input);
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  console.log(require('onnxruntime-node/package.json').version);
  const batch = 20;
  for (let at = 0; at < all.length; at += batch * size) {
    const part = all.subarray(at, at + batch * size), n = part.length / size;
    const out = await session.run({
      [session.inputNames[0]]: new ort.Tensor('float32', part, [n, ...dims]),
    });
    const z = out[session.outputNames[0]].data, classes = z.length / n;
    for (let i = 0; i < n; i++) {
      let best = 0;
      for (let k = 1; k < classes; k++)
        if (z[i * classes + k] > z[i * classes + best]) best = k;
      console.log(best);
    }
  }
}

main(process.argv.slice(2)).catch(error => { console.error(String(error)); process.exit(1); });
