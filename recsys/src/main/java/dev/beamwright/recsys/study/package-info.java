/**
 * Experiments on a trained run: where a beam loses items, what more compute buys, what a confidence is worth.
 *
 * <p>Uses everything below; nothing but {@code cli} uses it. Begin with {@code Diagnose}.
 */
package dev.beamwright.recsys.study;
