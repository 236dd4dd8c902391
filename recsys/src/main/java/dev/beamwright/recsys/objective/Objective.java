package dev.beamwright.recsys.objective;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.run.Help;
import dev.beamwright.recsys.run.Parameterized;
import java.util.List;
import tools.jackson.databind.annotation.JsonTypeIdResolver;

/**
 * A training objective: its parameters, its name, the values that papers chose, and its loss. Each is one record in one
 * file, whose components are the parameters (each with its {@link Help}) and whose constructor without arguments has
 * the default values. There are two kinds, {@link TargetObjective} and {@link RolloutObjective}.
 *
 * <p>To add one: write the record, and add one line to the list in {@link Objectives}. The command line, its help and
 * the stored settings follow from the record. An objective outside of this module is found as a service: its one line
 * stands in {@code META-INF/services/dev.beamwright.recsys.objective.Objective}. That is why the two kinds are not
 * sealed, while this interface is: what trains an objective must know its kind, but not the objective.
 *
 * <p>As JSON: {@code {"name": "bear", "lambda": 0.25, …}}.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.CUSTOM, property = "name")
@JsonTypeIdResolver(Objectives.TypeId.class)
public sealed interface Objective extends Parameterized permits TargetObjective, RolloutObjective {
    /** The name on the command line, in settings and in score cards. */
    String name();

    /** A few words for a list of objectives. */
    String summary();

    /** The loss as plain text, with its source. */
    String equation();

    /** The values that papers or their programs chose. */
    default List<Preset> presets() {
        return List.of();
    }

    /**
     * A loss and what is reported of it.
     *
     * @param loss of one element
     * @param nll for each level, the sum of the negative log-likelihoods of the targets' codes; empty for rollouts
     * @param prefixLosses for each prefix length, this micro-batch's share of the batch's mean prefix loss; empty for
     *     objectives without such
     * @param counters what rollouts count; empty for other objectives
     */
    record Result(Variable loss, double[] nll, double[] prefixLosses, Counters counters) {
        /** Of an objective without counters. */
        public Result(Variable loss, double[] nll, double[] prefixLosses) {
            this(loss, nll, prefixLosses, new Counters());
        }

        /** Of an objective without prefix losses and counters. */
        public Result(Variable loss, double[] nll) {
            this(loss, nll, new double[0]);
        }

        /** Of rollouts. */
        public Result(Variable loss, Counters counters) {
            this(loss, new double[0], new double[0], counters);
        }
    }
}
