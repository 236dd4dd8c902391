package dev.beamwright.recsys.data;

import java.util.List;

/**
 * What is trained on and what is asked.
 *
 * @param train the training part of each user's sequence, by user number; may be empty for a user
 * @param validation the questions by which a model is chosen
 * @param test the questions that are asked once, at the end
 */
public record Split(int[][] train, List<Case> validation, List<Case> test) {}
