// ConvNetJS as a peer: the network `paper` with its own Net and Trainer.
//
//   node convnetjs.js MODULE RECORDS
//
// MODULE is the folder of the package convnetjs, RECORDS a file in CIFAR-10's
// binary format. A line {"ready": N} says how many images were read. Each line
// {"batch": N, "seconds": X} on stdin is answered by {"images": N, "seconds": X}.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const [module_folder, records_file] = process.argv.slice(2);
const convnetjs = require(path.resolve(module_folder));

const SIDE = 32;
const PIXELS = SIDE * SIDE;
const RECORD = 1 + 3 * PIXELS;
const MOST_IMAGES = 1000;
const WARM_UP_IMAGES = 8;

const examples = readExamples(fs.readFileSync(records_file));
const trainings = new Map();

function readExamples(bytes) {
  const examples = [];
  const end = Math.min(bytes.length, MOST_IMAGES * RECORD);
  for (let start = 0; start + RECORD <= end; start += RECORD) {
    const volume = new convnetjs.Vol(SIDE, SIDE, 3, 0);
    for (let channel = 0; channel < 3; channel++) {
      for (let pixel = 0; pixel < PIXELS; pixel++) {
        volume.w[pixel * 3 + channel] = bytes[start + 1 + channel * PIXELS + pixel] / 255 - 0.5;
      }
    }
    examples.push({ volume, label: bytes[start] });
  }
  return examples;
}

function newTraining(batch) {
  const layers = [{ type: "input", out_sx: SIDE, out_sy: SIDE, out_depth: 3 }];
  for (const filters of [16, 20, 20]) {
    layers.push({ type: "conv", sx: 5, filters, stride: 1, pad: 2, activation: "relu" });
    layers.push({ type: "pool", sx: 2, stride: 2 });
  }
  layers.push({ type: "softmax", num_classes: 10 });
  const net = new convnetjs.Net();
  net.makeLayers(layers);
  const trainer = new convnetjs.Trainer(net, {
    method: "sgd",
    learning_rate: 0.01,
    momentum: 0.9,
    batch_size: batch,
    // ConvNetJS divides the decay by the batch as well.
    l2_decay: 1e-4 * batch,
  });
  return { trainer, next: 0 };
}

function trainOne(training) {
  const { volume, label } = examples[training.next];
  training.next = (training.next + 1) % examples.length;
  const right = Math.floor(Math.random() * 5) - 2;
  const down = Math.floor(Math.random() * 5) - 2;
  training.trainer.train(convnetjs.augment(volume, SIDE, right, down, Math.random() < 0.5), label);
}

function measure({ batch, seconds }) {
  if (!trainings.has(batch)) trainings.set(batch, newTraining(batch));
  const training = trainings.get(batch);
  for (let image = 0; image < WARM_UP_IMAGES; image++) trainOne(training);
  const started = performance.now();
  let images = 0;
  let elapsed = 0;
  // Whole batches, so that every image pays its share of the update.
  while (elapsed < seconds) {
    for (let image = 0; image < batch; image++) trainOne(training);
    images += batch;
    elapsed = (performance.now() - started) / 1000;
  }
  return { images, seconds: elapsed };
}

console.log(JSON.stringify({ ready: examples.length }));
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  console.log(JSON.stringify(measure(JSON.parse(line))));
});
