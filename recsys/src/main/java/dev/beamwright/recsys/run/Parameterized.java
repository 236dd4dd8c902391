package dev.beamwright.recsys.run;

/** A record whose components with {@link Help} can be set by {@code -P KEY=VALUE}, see {@link Parameter}. */
public interface Parameterized {
    /**
     * Why a parameter has no effect beside the other parameters, such as "without form=paper"; null if it has an effect.
     *
     * @param key the parameter, see {@link Parameter#key}
     */
    default String idle(String key) {
        return null;
    }
}
