"""`python -m endcap`, which is how torchrun wants a program named."""

from endcap.cli.app import main

if __name__ == "__main__":
    main()
