/** Loaded before all tests: property tests begin with one seed, so that a change is judged and not the dice. FUZZ_SEED=random rolls them. */

import fc from "fast-check";

const seed = process.env["FUZZ_SEED"] ?? "20261121";
if (seed !== "random") fc.configureGlobal({ seed: Number(seed) });
