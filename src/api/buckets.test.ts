/** Token buckets: who counts as one, and that no crowd of addresses takes the memory. */

import { expect, test } from "bun:test";
import { addressKey, createBuckets } from "./buckets.ts";

test("an IPv6 network counts as one address, an IPv4 address by itself, however it is written", () => {
  const same = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", "2001:DB8:1:2::", "2001:db8:1:2::9%eth0"];
  expect(new Set(same.map(addressKey)).size).toBe(1);
  expect(addressKey("2001:db8:1:3::1")).not.toBe(addressKey("2001:db8:1:2::1"));
  expect(addressKey("::ffff:203.0.113.9")).toBe(addressKey("203.0.113.9"));
  expect(addressKey("203.0.113.8")).not.toBe(addressKey("203.0.113.9"));
});

test("of more addresses than are kept those that were quiet the longest are forgotten", () => {
  const buckets = createBuckets({ perSecond: 1, burst: 1 }, () => 0);
  for (let i = 0; i < 9_999; i++) buckets.take(`quiet ${i}`);
  expect(buckets.take("busy")).toBe(0);
  for (let i = 0; i < 9_999; i++) {
    buckets.take(`new ${i}`);
    if (i % 1_000 === 0) expect(buckets.take("busy")).toBe(1);
  }
  expect(buckets.size()).toBe(10_000);
  expect(buckets.take("busy")).toBe(1);
  expect(buckets.take("quiet 0")).toBe(0);
});
