/**
 * The kernels: static methods over flat arrays, one class for each family.
 *
 * <p>What they have in common:
 *
 * <ul>
 *   <li>Arrays that are written come first, then arrays that are read, then sizes and numbers, which are compiled in as
 *       constants. {@code add} is 1 where a result is added to what is there and 0 where it overwrites it.
 *   <li>The plain form is a loop over {@code @Parallel}: on the device one thread for each round, on the JVM a loop, so
 *       that it can be tested without a device. The loop runs to {@code grid}, a multiple of the block size, and leaves
 *       out what is not below {@code n}.
 *   <li>Sums are made by one thread in a fixed order, or as partial sums that are added in a fixed order. There are no
 *       atomics: the same call gives the same bits.
 *   <li>No {@code >>>}: on the device it is a signed shift for negative numbers. No products that overflow an int. No
 *       {@code fma}.
 * </ul>
 */
package dev.beamwright.tornado.kernel;
