package dev.beamwright.recsys.cli;

import static dev.beamwright.recsys.cli.Given.or;

import dev.beamwright.recsys.train.ValidationConfig;
import picocli.CommandLine.Option;

/** The options of validation, which every training has. What is not given keeps its default. */
@Section.In(Section.VALIDATION)
final class ValidationOptions {
    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "Stop after N validations without a better one; 0 for never.")
    private Integer patience;

    @Option(
            names = "--beam",
            paramLabel = "N",
            description = "Prepare for a beam of size N, and validate with it, but with 10 at least: smaller than the 50 of"
                    + " 'evaluate', for every epoch is validated.")
    private Integer beamSize;

    @Option(
            names = "--validation-cases",
            paramLabel = "N",
            description = "Ask N users in a validation; 0 for all.")
    private Integer cases;

    /** With all that was given. */
    ValidationConfig config(ValidationConfig d) {
        return new ValidationConfig(or(cases, d.cases()), or(patience, d.patience()), d.best());
    }

    /** The beam size, given the usual one. */
    int beamSize(int usual) {
        return or(beamSize, usual);
    }
}
