/** Files of tensors. */
package dev.beamwright.tensor.io;
