"""CodeBuild as the local engine does it: real buildspecs under bash on this computer."""
